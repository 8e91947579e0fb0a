export { default } from '../../theme/components/PodiumNumber.vue'
