export { default } from '../../theme/components/PodiumFigure.vue'
