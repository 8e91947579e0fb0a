export { default } from '../../theme/components/PodiumPredictions.vue'
