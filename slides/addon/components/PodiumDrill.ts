export { default } from '../../theme/components/PodiumDrill.vue'
