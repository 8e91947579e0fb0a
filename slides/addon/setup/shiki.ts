export { default } from '../../theme/setup/shiki'
