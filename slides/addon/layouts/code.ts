export { default } from '../../theme/layouts/code.vue'
