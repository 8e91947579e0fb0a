export { default } from '../../theme/components/PodiumPlantUml.vue'
