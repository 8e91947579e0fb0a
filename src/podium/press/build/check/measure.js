// How a slide is measured: its tree as it is drawn, places in pixels of a slide 980 wide, sizes and colours.
const measures = (page, root, frame) => {
  const LETTER = /[\p{L}\p{N}]/u
  const UNSEEN = 'script, style, template, noscript, title, desc, defs, metadata, symbol, .katex-mathml, [data-podium-check]'
  const unit = 980 / frame.width

  // -- the tree as it is drawn: shadow roots and slots too
  const up = node => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host ?? null
  function* ups(e) { for (let a = e; a; a = up(a)) yield a }
  const styles = new Map()
  const style = e => styles.get(e) ?? (styles.set(e, getComputedStyle(e)), styles.get(e))
  const shown = e => e.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  const within = (e, selector) => { for (const a of ups(e)) if (a.matches(selector)) return a; return null }
  function* elements(node) {
    for (const e of node.children) {
      if (e.matches(UNSEEN)) continue
      yield e
      if (e.shadowRoot) yield* elements(e.shadowRoot)
      yield* elements(e)
    }
  }
  const path = e => {
    const steps = []
    for (let a = e; a && a !== page && a !== root && a !== document.body; a = a.parentElement ?? a.getRootNode().host) {
      const at = [...(a.parentNode?.children ?? [])].indexOf(a)
      steps.unshift(`${a.localName}[${at}]`)
    }
    return steps.join('/')
  }
  const box = b => [(b.left - frame.left) * unit, (b.top - frame.top) * unit, b.width * unit, b.height * unit].map(v => Math.round(v * 10) / 10)
  const union = rects => {
    const left = Math.min(...rects.map(r => r.left)), top = Math.min(...rects.map(r => r.top))
    return { left, top, width: Math.max(...rects.map(r => r.right)) - left, height: Math.max(...rects.map(r => r.bottom)) - top }
  }
  const words = (s, most = 48) => { s = s.replace(/\s+/g, ' ').trim(); return s.length > most ? `${s.slice(0, most - 1)}…` : s }

  // -- how large something is drawn, and whether it stands straight
  const turns = new Map()
  const turn = e => {
    if (!e) return new DOMMatrix()
    if (turns.has(e)) return turns.get(e)
    const m = new DOMMatrix(turn(up(e))), s = style(e)
    if (!(e instanceof SVGElement) || e.localName === 'svg') {
      if (s.rotate && s.rotate !== 'none') m.rotateSelf(parseFloat(s.rotate))
      if (s.scale && s.scale !== 'none') { const [x, y] = s.scale.split(' ').map(Number); m.scaleSelf(x, y ?? x) }
      if (s.transform !== 'none') { const t = new DOMMatrix(s.transform); t.m41 = t.m42 = t.e = t.f = 0; m.multiplySelf(t) }
    }
    turns.set(e, m)
    return m
  }
  const textOf = e => e instanceof SVGElement ? e.closest('text') : null
  const skewed = e => {
    const text = textOf(e), m = text?.getScreenCTM?.() ?? turn(e)
    return Math.abs(m.a * m.b) + Math.abs(m.c * m.d) > 1e-3 * (m.a * m.a + m.b * m.b)
  }
  const scaleOf = e => {
    const text = textOf(e) ?? (within(e, 'foreignObject') || null), m = text?.getScreenCTM?.() ?? turn(e)
    return Math.sqrt(Math.abs(m.a * m.d - m.b * m.c)) * (text ? 1 : e.currentCSSZoom ?? 1)
  }
  const size = e => { // what a superscript is part of says how large it is
    const small = within(e, '.katex') ?? (e.closest('sup, sub')?.parentElement || e)
    const text = textOf(e)
    const parts = text ? [text, ...text.querySelectorAll('tspan')].filter(t => LETTER.test(t.textContent)) : [small]
    return Math.max(...parts.map(p => parseFloat(style(p).fontSize))) * scaleOf(small) * unit
  }
  const faintness = e => { let o = 1; for (const a of ups(e)) { if (a === root) break; o *= Number(style(a).opacity) } return o }

  // -- colours, as the canvas reads them: every notation of CSS
  const brush = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true }), read = new Map()
  const colour = value => {
    if (!read.has(value)) {
      brush.clearRect(0, 0, 1, 1)
      brush.fillStyle = 'rgba(0,0,0,0)'
      brush.fillStyle = value
      brush.fillRect(0, 0, 1, 1)
      const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data
      read.set(value, [r, g, b, a / 255])
    }
    return read.get(value)
  }

  return { LETTER, UNSEEN, unit, up, ups, style, shown, within, elements, path, box, union, words, textOf, skewed, scaleOf, size, faintness, colour }
}
