import { defineShikiSetup } from '@slidev/types'

interface Palette { ink: string, panel: string, comment: string, keyword: string, name: string, value: string }

/** Few colours: what is called and what steers; everything else is ink. */
function podium(type: 'light' | 'dark', { ink, panel, comment, keyword, name, value }: Palette) {
  return {
    name: `podium-${type}`,
    type,
    colors: { 'editor.background': panel, 'editor.foreground': ink },
    settings: [
      { settings: { foreground: ink, background: panel } },
      { scope: ['comment', 'punctuation.definition.comment'], settings: { foreground: comment } },
      { scope: ['keyword', 'storage', 'keyword.control', 'constant.language'], settings: { foreground: keyword } },
      { scope: ['keyword.operator'], settings: { foreground: ink } },
      { scope: ['keyword.operator.logical', 'keyword.operator.logical.python'], settings: { foreground: keyword } },
      { scope: ['entity.name.function', 'support.function', 'meta.function-call.generic'], settings: { foreground: name } },
      { scope: ['entity.name.type', 'entity.name.class', 'support.type'], settings: { foreground: name } },
      { scope: ['string', 'constant.numeric'], settings: { foreground: value } },
    ],
  }
}

export default defineShikiSetup(() => ({
  themes: {
    light: podium('light', { ink: '#1f2937', panel: '#f8fafc', comment: '#5b6b82', keyword: '#9333ea', name: '#0369a1', value: '#0f766e' }),
    dark: podium('dark', { ink: '#f1f5f9', panel: '#111a2e', comment: '#94a3b8', keyword: '#d8b4fe', name: '#7dd3fc', value: '#5eead4' }),
  },
}))
