import type { ComputedRef } from 'vue'
import { computed } from 'vue'
import { useDarkMode, useSlideContext } from '@slidev/client'

export type Ground = 'light' | 'dark'

/** The ground that this slide stands on: its own word (`ground: dark`), else the deck's (`colorSchema`). */
export function useGround(): ComputedRef<Ground> {
  const { $frontmatter } = useSlideContext()
  const { isDark } = useDarkMode()
  return computed(() => $frontmatter.ground ?? (isDark.value ? 'dark' : 'light'))
}

/** What Mermaid and PlantUML were given as colours, and the token that each of them is. */
const TOKENS: Record<string, string> = {
  '#1f2937': 'ink',
  '#475569': 'soft',
  '#64748b': 'faint',
  '#94a3b8': 'axis',
  '#e2e8f0': 'line',
  '#f1f5f9': 'field',
  '#f8fafc': 'panel',
  '#ffffff': 'ground',
  '#eef2ff': 'accent-soft',
  '#4f46e5': 'accent',
}
const VEIL = /rgba\(255,\s*255,\s*255,\s*(0?\.\d+)\)/gi // what Mermaid makes of the ground behind a label

function inTokens(css: string): string {
  return css
    .replace(/#[0-9a-f]{6}\b/gi, hex => TOKENS[hex.toLowerCase()] ? `var(--${TOKENS[hex.toLowerCase()]}, ${hex})` : hex)
    .replace(VEIL, (_, share) => `color-mix(in srgb, var(--ground) ${100 * share}%, transparent)`)
}

/** Make a drawing follow its slide's ground: our colours in it become tokens, which a shadow root inherits. */
export function grounded(drawing: ParentNode) {
  for (const style of drawing.querySelectorAll('style'))
    style.textContent = inTokens(style.textContent ?? '')
  for (const node of drawing.querySelectorAll('[style], [fill], [stroke]')) {
    const said = node.getAttribute('style') ?? ''
    const moved = ['fill', 'stroke']
      .filter(name => TOKENS[node.getAttribute(name)?.toLowerCase() ?? ''] && !new RegExp(`(^|[;\\s])${name}\\s*:`).test(said))
      .map(name => `${name}:${node.getAttribute(name)}`)
    if (said || moved.length)
      node.setAttribute('style', inTokens([...moved, said].filter(Boolean).join(';')))
  }
}
