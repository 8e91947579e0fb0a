import data from '/deck.json'

export interface Seed { seed: string | number, value: string | number, run?: string }

export interface Receipt {
  text?: string
  unit?: string
  title?: string
  seeds?: Seed[]
  [field: string]: unknown
}

export interface Claim { before?: string, number: string, after?: string, verdict?: string, family?: string }

export interface Prediction { picture: string, correct: string, predicted: string }

/** What the runs say about this deck: written by Podium beside slides.md, never evaluated, only shown. */
export const deck = data as unknown as {
  receipts?: Record<string, Receipt>
  claims?: Record<string, Claim>
  plantuml?: Record<string, string>
  predictions?: Record<string, Prediction[]>
  names?: Record<string, string[]>
}

/** Find one entry, or stop with the names that there are: the walk through the built deck reads it. */
export function entry<T>(kind: string, there: Record<string, T> | undefined, id: string): T {
  const found = there?.[id]
  if (found === undefined)
    throw new Error(`deck.json has no ${kind} "${id}". There are: ${Object.keys(there ?? {}).join(', ') || 'none'}.`)
  return found
}
