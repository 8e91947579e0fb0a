export { default } from '../../theme/components/ReceiptList.vue'
