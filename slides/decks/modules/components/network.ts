import type { Logit, Point } from './plane.ts'
import { random } from './plane.ts'

const EACH = 4 // numbers of a hidden neuron: two weights, a bias, and its weight in the answer
const KEEP = [0.9, 0.999] // of the mean gradient and of the mean square (Kingma and Ba 2015), torch's own values
const TINY = 1e-8

/** What these values answer at a place: EACH numbers a hidden neuron, and the answer's bias at the end. */
function answer(values: number[], x: number, y: number): number {
  let sum = values.at(-1)!
  for (let at = 0; at + EACH < values.length; at += EACH)
    sum += values[at + 3] * Math.tanh(values[at] * x + values[at + 1] * y + values[at + 2])
  return sum
}

/** Two numbers in, hidden neurons with tanh, one logit out; trained on all points at once by Adam. */
export class Network {
  readonly values: number[]
  private means: number[]
  private squares: number[]
  steps = 0

  constructor(hidden: number, seed: number) {
    const next = random(seed)
    this.values = Array.from({ length: EACH * hidden + 1 }, () => 2 * next() - 1)
    this.means = this.values.map(() => 0)
    this.squares = this.values.map(() => 0)
  }

  /** The model as it is now; training on does not change it. */
  get now(): Logit {
    const values = [...this.values]
    return (x, y) => answer(values, x, y)
  }

  /** The gradient of the mean cross-entropy: by the chain rule, from the answer back to the first weights. */
  gradient(points: Point[]): number[] {
    const found = this.values.map(() => 0)
    for (const { x, y, disc } of points) {
      const error = (1 / (1 + Math.exp(-answer(this.values, x, y))) - Number(disc)) / points.length
      found[found.length - 1] += error
      for (let at = 0; at + EACH < found.length; at += EACH) {
        const out = Math.tanh(this.values[at] * x + this.values[at + 1] * y + this.values[at + 2])
        const inner = error * this.values[at + 3] * (1 - out * out)
        found[at] += inner * x
        found[at + 1] += inner * y
        found[at + 2] += inner
        found[at + 3] += error * out
      }
    }
    return found
  }

  /** One step downhill. */
  step(points: Point[], rate: number) {
    this.steps++
    this.gradient(points).forEach((slope, at) => {
      this.means[at] = KEEP[0] * this.means[at] + (1 - KEEP[0]) * slope
      this.squares[at] = KEEP[1] * this.squares[at] + (1 - KEEP[1]) * slope * slope
      const mean = this.means[at] / (1 - KEEP[0] ** this.steps)
      const square = this.squares[at] / (1 - KEEP[1] ** this.steps)
      this.values[at] -= rate * mean / (Math.sqrt(square) + TINY)
    })
  }
}
