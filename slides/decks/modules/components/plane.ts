/** Points in a plane, the loss of a model on them, and the line where it cannot decide. No page, no drawing. */

export interface Point { x: number, y: number, disc: boolean }

/** What a model says of a place: above 0 a disc is likelier, below 0 a square. */
export type Logit = (x: number, y: number) => number

const GAP = 0.12 // on either side of a border no points lie
const POINTS = 48

/** The task sets: how far a place is inside the discs' side, negative in the squares'. Borders as in minitorch's sets. */
const INSIDE: Record<string, Logit> = {
  simple: x => x,
  diagonal: (x, y) => (x + y) / Math.SQRT2,
  split: x => Math.abs(x) - 0.45,
  xor: (x, y) => Math.sign(-x * y) * Math.min(Math.abs(x), Math.abs(y)),
}

export const SETS = Object.keys(INSIDE)

/** Random numbers in [0, 1) from a seed (mulberry32): equal on every machine. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6D2B79F5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The points of a set, half of them discs: the same at every call. */
export function pointsOf(set: string): Point[] {
  const next = random(7)
  const found: Point[] = []
  const wanted = { true: POINTS / 2, false: POINTS / 2 }
  while (found.length < POINTS) {
    const [x, y] = [1.9 * next() - 0.95, 1.9 * next() - 0.95]
    const inside = INSIDE[set](x, y)
    const kind = inside > 0 ? 'true' : 'false'
    const free = found.every(point => Math.hypot(point.x - x, point.y - y) > 0.13)
    if (Math.abs(inside) > GAP && free && wanted[kind] > 0) {
      wanted[kind]--
      found.push({ x, y, disc: inside > 0 })
    }
  }
  return found
}

/** The mean cross-entropy of a model on points, and how many it puts on their side. */
export function score(points: Point[], logit: Logit): { loss: number, right: number } {
  let loss = 0
  let right = 0
  for (const point of points) {
    const margin = (point.disc ? 1 : -1) * logit(point.x, point.y)
    loss += Math.max(-margin, 0) + Math.log1p(Math.exp(-Math.abs(margin)))
    right += Number(margin > 0)
  }
  return { loss: loss / points.length, right }
}

/** The places where the logit is 0, as lines between [x, y] and [x, y]: triangle by triangle, so that no case is open. */
export function border(logit: Logit, cells = 64): [number, number, number, number][] {
  const at = (i: number) => -1 + 2 * i / cells
  const values = Array.from({ length: cells + 1 }, (_, j) => Array.from({ length: cells + 1 }, (_, i) => logit(at(i), at(j))))
  const found: [number, number, number, number][] = []
  for (let j = 0; j < cells; j++) {
    for (let i = 0; i < cells; i++) {
      for (const corner of [[i + 1, j], [i, j + 1]]) {
        const three = [[i, j], corner, [i + 1, j + 1]]
        const crossed: number[] = []
        three.forEach(([a, b], side) => {
          const [c, d] = three[(side + 1) % 3]
          const [one, other] = [values[b][a], values[d][c]]
          if (one > 0 !== other > 0) {
            const share = one / (one - other)
            crossed.push(at(a + share * (c - a)), at(b + share * (d - b)))
          }
        })
        if (crossed.length === 4)
          found.push(crossed as [number, number, number, number])
      }
    }
  }
  return found
}
