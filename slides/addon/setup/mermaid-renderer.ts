export { default } from '../../theme/setup/mermaid-renderer'
