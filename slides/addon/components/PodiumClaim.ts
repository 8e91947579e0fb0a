export { default } from '../../theme/components/PodiumClaim.vue'
