export { default } from '../../theme/components/RunNames.vue'
