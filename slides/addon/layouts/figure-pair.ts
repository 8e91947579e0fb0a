export { default } from '../../theme/layouts/figure-pair.vue'
