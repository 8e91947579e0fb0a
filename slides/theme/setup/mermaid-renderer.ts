import { defineMermaidRendererSetup } from '@slidev/types'
import mermaid from 'mermaid/dist/mermaid.esm.mjs'
import { grounded } from '../components/ground'

let drawn = 0

/** Draw a fence in the deck's look and on its ground, as wide as its place, and refuse what Mermaid could not read. */
export default defineMermaidRendererSetup(() => async (code: string) => {
  await document.fonts.load('17px "Inter Variable"')
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: 'strict',
    suppressErrorRendering: true,
    layout: 'dagre',
    look: 'classic',
    theme: 'base',
    fontFamily: '"Inter Variable", Inter, sans-serif',
    themeVariables: {
      fontFamily: '"Inter Variable", Inter, sans-serif',
      fontSize: '17px',
      background: '#ffffff',
      primaryColor: '#f1f5f9',
      secondaryColor: '#eef2ff',
      tertiaryColor: '#f8fafc',
      primaryBorderColor: '#94a3b8',
      primaryTextColor: '#1f2937',
      lineColor: '#475569',
      clusterBkg: '#f8fafc',
      clusterBorder: '#e2e8f0',
      edgeLabelBackground: '#ffffff',
    },
    themeCSS: '.node rect { rx: 9px; ry: 9px } .edgeLabel { color: #475569 }',
    flowchart: { htmlLabels: true, curve: 'basis', nodeSpacing: 34, rankSpacing: 42, padding: 14, useMaxWidth: true },
  })
  const box = document.getElementById('mermaid-rendering-container')!
  const { svg } = await mermaid.render(`podium-mermaid-${drawn++}`, code, box)
  const widest = 1.3 * Number(svg.match(/max-width: ([\d.]+)px/)?.[1] ?? 876)
  const drawing = document.createElement('template')
  drawing.innerHTML = svg.replace(/style="max-width: [^"]*"/, `style="display:block;width:100%;height:100%;max-width:${widest}px;margin:auto"`)
  grounded(drawing.content)
  return drawing.innerHTML
})
