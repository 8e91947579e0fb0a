export { default } from '../../theme/layouts/demo.vue'
