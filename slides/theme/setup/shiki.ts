import { defineShikiSetup } from '@slidev/types'

/** Few colours: what is called and what steers; everything else is ink. */
const podium = {
  name: 'podium-light',
  type: 'light' as const,
  colors: { 'editor.background': '#f8fafc', 'editor.foreground': '#1f2937' },
  settings: [
    { settings: { foreground: '#1f2937', background: '#f8fafc' } },
    { scope: ['comment', 'punctuation.definition.comment'], settings: { foreground: '#64748b' } },
    { scope: ['keyword', 'storage', 'keyword.control', 'constant.language'], settings: { foreground: '#9333ea' } },
    { scope: ['keyword.operator'], settings: { foreground: '#1f2937' } },
    { scope: ['keyword.operator.logical', 'keyword.operator.logical.python'], settings: { foreground: '#9333ea' } },
    { scope: ['entity.name.function', 'support.function', 'meta.function-call.generic'], settings: { foreground: '#0369a1' } },
    { scope: ['entity.name.type', 'entity.name.class', 'support.type'], settings: { foreground: '#0369a1' } },
    { scope: ['string', 'constant.numeric'], settings: { foreground: '#0f766e' } },
  ],
}

export default defineShikiSetup(() => ({ themes: { light: podium, dark: podium } }))
