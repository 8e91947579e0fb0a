export { default } from '../../theme/layouts/table.vue'
