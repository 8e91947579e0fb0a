export { default } from '../../theme/layouts/receipts.vue'
