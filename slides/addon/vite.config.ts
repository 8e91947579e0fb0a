export { default } from '../theme/vite.config'
