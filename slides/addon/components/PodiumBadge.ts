export { default } from '../../theme/components/PodiumBadge.vue'
