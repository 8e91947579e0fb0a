export { default } from '../../theme/layouts/figure.vue'
