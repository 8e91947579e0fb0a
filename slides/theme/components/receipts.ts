import { reactive } from 'vue'

/** Which receipt is open on each slide, and the numbers that stand on it: they lie in different layers of it. */
export interface Shown { opened: string, numbers: string[] }

/** What is open when the mark in the corner was clicked: the slide's own list. */
export const LIST = '*'

const shown = reactive<Record<number, Shown>>({})

export function receiptsOf(page: number): Shown {
  shown[page] ??= { opened: '', numbers: [] }
  return shown[page]
}
