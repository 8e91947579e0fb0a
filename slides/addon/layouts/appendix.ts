export { default } from '../../theme/layouts/appendix.vue'
