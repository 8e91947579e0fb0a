// Looks at the slide that is shown and tells what it measured, in pixels of a slide 980 wide; judges nothing that
// needs pixels or colour science: that is done in Python. Runs in the page; leaves it as it was.
async ({ projected }) => {
  const REPLACED = 'img, canvas, video, iframe, object, embed'
  const page = [...document.querySelectorAll('.slidev-page')].find(p => p.getClientRects().length)
  if (!page) return null
  const root = page.closest('#slide-content') ?? page
  const frame = page.getBoundingClientRect()
  const { nav, configs } = document.querySelector('#app').__vue_app__._context.provides['$$slidev-context']
  const faults = []
  const { LETTER, UNSEEN, unit, up, ups, style, shown, within, elements, path, box, union, words, textOf, skewed, size, faintness, colour } = measures(page, root, frame)
  const fault = (kind, e, said, b) => faults.push({ kind, key: path(e), said, box: b && box(b) })

  // -- everything may be hit while we look, so that a point tells what is painted there
  const touchable = new CSSStyleSheet()
  touchable.replaceSync('* { pointer-events: auto !important }')
  const roots = [document]
  for (const e of elements(root)) if (e.shadowRoot) roots.push(e.shadowRoot)
  const before = roots.map(r => [...r.adoptedStyleSheets])
  roots.forEach(r => { r.adoptedStyleSheets = [...r.adoptedStyleSheets, touchable] })
  const stack = (x, y, from = document) => from.elementsFromPoint(x, y).flatMap(e => {
    if (e.getRootNode() !== from) return []
    return e.shadowRoot ? [...stack(x, y, e.shadowRoot), e] : [e]
  })

  // -- SVG files in <img>, laid over their place for as long as we look
  const laid = []
  const files = (window.podiumFiles ??= new Map())
  const lay = async img => {
    const source = img.currentSrc
    if (!/\.svg([?#]|$)|^data:image\/svg/i.test(source) || !img.naturalWidth) return
    if (!source.startsWith('data:') && new URL(source).origin !== location.origin) return
    if (!files.has(source)) files.set(source, await fetch(source).then(a => a.text()).catch(() => ''))
    const svg = new DOMParser().parseFromString(files.get(source), 'image/svg+xml').documentElement
    if (svg.localName !== 'svg') return
    svg.querySelectorAll('script, foreignObject').forEach(n => n.remove())
    if (!svg.hasAttribute('viewBox')) svg.setAttribute('viewBox', `0 0 ${img.naturalWidth} ${img.naturalHeight}`)
    svg.setAttribute('width', '100%')
    svg.setAttribute('height', '100%')
    svg.removeAttribute('style')
    const b = img.getBoundingClientRect(), host = document.createElement('div')
    host.dataset.podiumCheck = ''
    Object.assign(host.style, { position: 'fixed', left: `${b.left}px`, top: `${b.top}px`, width: `${b.width}px`, height: `${b.height}px`, zIndex: -1 })
    host.attachShadow({ mode: 'open' }).append(document.importNode(svg, true))
    document.body.append(host)
    laid.push({ host, img })
  }

  try {
    const all = [...elements(root)].filter(e => shown(e) && !(e.matches('svg') && !e.children.length))
    const pictures = all.filter(e => e.matches(REPLACED))
    if (!projected) await Promise.all(pictures.filter(e => e.matches('img')).map(lay))

    // -- every piece of text, line by line
    const runs = []
    const collect = (node, img) => {
      for (const child of node.childNodes) {
        if (child.nodeType === 3 && child.data.trim()) {
          const e = child.parentElement ?? child.getRootNode().host
          if (!shown(e) || (e instanceof SVGElement && !textOf(e) && !within(e, 'foreignObject'))) continue
          const range = document.createRange()
          range.selectNodeContents(child)
          const rects = [...range.getClientRects()].filter(r => r.width > 0.5 && r.height > 0.5)
          if (rects.length) runs.push({ e, rects, text: child.data, img, block: textOf(e) ?? blockOf(e) })
        } else if (child.nodeType === 1 && !child.matches(UNSEEN)) {
          if (child.shadowRoot) collect(child.shadowRoot, img)
          collect(child, img)
        }
      }
    }
    const blockOf = e => { for (const a of ups(e)) if (a === root || !/^(inline|contents|ruby)/.test(style(a).display)) return a; return e }
    const holder = run => { // a drawing, a block of code or a list is one thing
      let outer = null
      for (const a of ups(run.e)) if (a.matches('svg, pre, table, ul, ol, .katex')) outer = a
      return outer ?? run.block
    }
    collect(root)
    for (const { host, img } of laid) collect(host.shadowRoot, img)
    const hiddenFor = e => { // for screen readers only
      for (const a of ups(e)) {
        if (a === root) return false
        const s = style(a)
        if (s.clipPath === 'inset(50%)' || /^rect\(0(px)?,? 0(px)?,? 0(px)?,? 0(px)?\)$/.test(s.clip)) return true
        if (s.overflow !== 'visible' && a.clientWidth <= 1 && a.clientHeight <= 1 && s.display !== 'inline') return true
      }
      return false
    }
    const seen = runs.filter(r => !hiddenFor(r.e))
    for (const r of seen) r.part = within(r.e, '.foot, .badge, .page, footer, .slidev-page-number')

    // -- the ink of a line: a glyph's box is taller than the glyph
    const ink = r => ({ left: r.left + 1, right: r.right - 1, top: r.top + 0.2 * r.height, bottom: r.top + 0.86 * r.height })
    const grouped = new Map()
    const note = (kind, run, rect, said) => {
      const key = `${kind} ${path(run.block)}`
      if (!grouped.has(key)) grouped.set(key, { kind, e: run.block, rects: [], texts: [], said })
      const group = grouped.get(key)
      group.rects.push(rect)
      if (!group.texts.includes(run.text)) group.texts.push(run.text)
    }

    // -- outside the frame, or cut by an ancestor
    const CUTS = /hidden|clip|auto|scroll/
    function* cutters(e, from = e) { // a text is cut by its own element too, a picture by those around it
      let place = from === e ? 'static' : style(e).position
      for (let a = from; a && a !== root.parentElement; a = up(a)) {
        const s = style(a), holds = s.position !== 'static' || s.transform !== 'none' || s.contain.includes('paint')
        if (place === 'fixed' && s.transform === 'none') continue
        if (place === 'absolute' && !holds) continue
        place = s.position
        if (a === page || a === root || s.display === 'inline' || within(a, '.katex')) continue
        if (CUTS.test(s.overflowX) || CUTS.test(s.overflowY)) yield [a, s]
      }
    }
    const visible = (run, b) => {
      if (run.img) return b
      for (const [a, s] of cutters(run.e)) {
        const c = a.getBoundingClientRect()
        if (CUTS.test(s.overflowX)) b = { ...b, left: Math.max(b.left, c.left), right: Math.min(b.right, c.right) }
        if (CUTS.test(s.overflowY)) b = { ...b, top: Math.max(b.top, c.top), bottom: Math.min(b.bottom, c.bottom) }
      }
      return b
    }
    const tell = (e, rects, said, from) => {
      for (const rect of rects) {
        const b = ink(rect)
        const out = Math.max(frame.left - b.left, frame.top - b.top, b.right - frame.right, b.bottom - frame.bottom) * unit
        if (out > 1) { said('outside-frame', rect, out); continue }
        for (const [a, s] of cutters(e, from)) {
          const c = a.getBoundingClientRect()
          if (b.right - b.left < 1 || b.bottom - b.top < 1 || (s.textOverflow === 'ellipsis' && CUTS.test(s.overflowX))) continue
          const wide = CUTS.test(s.overflowX) ? Math.max(c.left - b.left, b.right - c.right) * unit : 0
          const high = CUTS.test(s.overflowY) ? Math.max(c.top - b.top, b.bottom - c.bottom) * unit : 0
          if (Math.max(wide, high) > 2) { said('clipped', rect, Math.max(wide, high)); break }
        }
      }
    }
    for (const run of seen) if (!run.img && !skewed(run.e)) tell(run.e, run.rects, (kind, rect) => note(kind, { ...run, block: holder(run) }, rect))
    const decoration = e => e.closest('[aria-hidden=true], [role=presentation], [role=none]') || (e.matches('img') && !e.alt)
    const drawings = all.filter(e => e.matches('svg') && !e.ownerSVGElement && e.querySelector('text'))
    for (const e of [...pictures, ...drawings]) {
      const b = e.getBoundingClientRect()
      if (!decoration(e) && b.width * unit > 24) tell(e, [b], (kind, rect, by) => {
        if (by > 3) fault(kind, e, `A picture (${name(e)}) ${kind === 'clipped' ? 'is cut' : 'stands outside the slide'} by ${Math.round(by)} px.`, b)
      }, up(e))
    }

    // -- two texts in one place
    const opaque = e => {
      const s = style(e)
      return e.matches('img, video, canvas, iframe') || colour(s.backgroundColor)[3] * faintness(e) > 0.9
    }
    const onTop = (run, x, y) => { // is the text what is seen here, as far as other elements go
      const own = new Set(ups(run.e))
      for (const e of stack(x, y)) {
        if (own.has(e) || run.e.contains(e)) return true
        if (e instanceof SVGElement ? e.localName !== 'svg' && e.matches('path, rect, circle, ellipse, polygon') && colour(style(e).fill)[3] > 0.9 && within(e, 'svg') !== within(run.e, 'svg') : opaque(e)) return false
      }
      return true
    }
    const lines = seen.filter(r => LETTER.test(r.text) && !skewed(r.e) && faintness(r.e) >= 0.2 && (style(r.e).webkitTextFillColor === 'rgba(0, 0, 0, 0)' ? style(r.e).backgroundClip === 'text' || textOf(r.e) : true))
      .flatMap(run => run.rects.map(rect => ({ run, rect, b: visible(run, ink(rect)) })))
      .filter(l => l.b.right > frame.left && l.b.left < frame.right && l.b.bottom > frame.top && l.b.top < frame.bottom)
      .sort((a, b) => a.b.top - b.b.top)
    for (let i = 0; i < lines.length; i++) {
      for (let j = i + 1; j < lines.length && lines[j].b.top < lines[i].b.bottom - 2; j++) {
        const [p, q] = [lines[i], lines[j]]
        const left = Math.max(p.b.left, q.b.left), right = Math.min(p.b.right, q.b.right)
        const bottom = Math.min(p.b.bottom, q.b.bottom)
        if ((right - left) * unit <= 2 || (bottom - q.b.top) * unit <= 2 || p.run.img !== q.run.img) continue
        if (p.run === q.run && Math.abs(p.rect.top - q.rect.top) < 1) continue // with three dots and without
        const math = within(p.run.e, '.katex, mjx-container'), drawn = textOf(p.run.e)
        if ((math && math === within(q.run.e, '.katex, mjx-container')) || (drawn && drawn === textOf(q.run.e))) continue
        const x = (left + right) / 2, y = (q.b.top + bottom) / 2
        if (!p.run.img && (!onTop(p.run, x, y) || !onTop(q.run, x, y))) continue
        note('overlap', p.run.block === q.run.block || path(p.run.block) < path(q.run.block) ? p.run : q.run, p.rect)
        const group = grouped.get(`overlap ${path((p.run.block === q.run.block || path(p.run.block) < path(q.run.block) ? p.run : q.run).block)}`)
        group.rects.push(q.rect)
        group.texts = group.texts.length > 1 ? group.texts : [p.run.text, q.run.text]
      }
    }
    const foot = page.querySelector('.foot')?.getBoundingClientRect()
    for (const run of foot ? seen : []) {
      if (run.part || within(run.e, '.receipt-panel') || run.img || skewed(run.e)) continue
      for (const r of run.rects) if (ink(r).bottom > foot.top + 2 / unit && ink(r).top < foot.bottom && r.right > foot.left && r.left < foot.right) note('over-footer', run, r)
    }

    // -- too small
    for (const run of seen) {
      if (!LETTER.test(run.text)) continue
      run.size = size(run.e)
      if (run.size < 13.9) {
        note('small-text', { ...run, block: holder(run) }, run.rects[0])
        const group = grouped.get(`small-text ${path(holder(run))}`)
        group.said = Math.min(group.said ?? 99, run.size)
      }
    }
    const SAID = {
      'outside-frame': (t) => `"${t}" stands outside the slide.`,
      clipped: (t) => `"${t}" is cut off.`,
      'over-footer': (t) => `"${t}" stands in the footer.`,
      'small-text': (t, px, n) => `"${t}"${n > 1 ? ` (and ${n - 1} more in the same place)` : ''} is ${Math.round(px * 10) / 10} px high as shown; 14 px is the least.`,
    }
    for (const { kind, e, rects, texts, said } of grouped.values()) {
      const sentence = kind === 'overlap'
        ? `"${words(texts[0])}" and "${words(texts.at(-1))}" stand on top of each other.`
        : SAID[kind](words(kind === 'small-text' ? texts[0] : texts.join(' ')), said, texts.length)
      fault(kind, e, sentence, union(rects))
    }
    function name(e) { return words(e.getAttribute('alt') || e.getAttribute('aria-label') || e.getAttribute('src')?.split('/').pop() || e.localName, 40) }
    if (projected) return { faults }

    // -- pictures: there, and described
    const outside = url => /^https?:/.test(url) && new URL(url).origin !== location.origin
    const lost = [] // addresses that a finding names
    const broken = (e, url) => { lost.push(new URL(url, document.baseURI).href); if (!outside(url)) fault('broken-picture', e, `The picture ${url.startsWith('data:') ? 'in the page' : words(new URL(url, document.baseURI).pathname.slice(1), 60)} did not load.`, e.getBoundingClientRect()) }
    for (const e of all) if (e.matches('img') && (e.currentSrc || e.getAttribute('src')) && e.complete && !e.naturalWidth) broken(e, e.currentSrc || e.src)
    const behind = all.flatMap(e => [...style(e).backgroundImage.matchAll(/url\("([^"]+)"\)/g)].map(m => [e, m[1]]))
    const inside = all.filter(e => e.localName === 'image' && e.namespaceURI.endsWith('svg')).map(e => [e, new URL(e.href.baseVal, document.baseURI).href])
    const loads = (window.podiumLoads ??= new Map())
    await Promise.all([...behind, ...inside].map(async ([e, url]) => {
      if (outside(url)) return
      if (!loads.has(url)) loads.set(url, new Promise(done => { const i = new Image(); i.onload = () => done(true); i.onerror = () => done(false); i.src = url }))
      if (!await loads.get(url)) broken(e, url)
    }))
    const sources = all.flatMap(e => [e.currentSrc, e.src, e.poster, e.data, e.localName === 'image' ? e.href?.baseVal : ''])
      .filter(url => typeof url === 'string' && url).map(url => new URL(url, document.baseURI).href)
    const labelled = e => [...ups(e)].slice(0, 6).some(a => a.getAttribute('aria-label')?.trim() || a.hasAttribute('aria-labelledby') || (a.matches('figure') && a.querySelector('figcaption')?.textContent.trim()))
    const connector = svg => { // an arrow from here to there
      const shapes = [...svg.querySelectorAll('path, line, polyline, rect, circle, ellipse, polygon, image, use')].filter(s => !s.closest('defs, marker'))
      return shapes.length < 3 && shapes.every(s => s.matches('line, path, polyline') && (s.localName === 'line' || style(s).fill === 'none'))
    }
    for (const e of all) {
      if (e.closest('[aria-hidden=true], [role=presentation], [role=none], .slidev-icon')) continue
      const b = e.getBoundingClientRect(), large = b.width * b.height > 0.01 * frame.width * frame.height
      const what = e.matches('img') ? (e.hasAttribute('alt') && (e.alt.trim() || !large || /absolute|fixed/.test(style(e).position)) ? '' : 'picture') // Markdown writes alt="" where nobody wrote any
        : e.matches('canvas, video, object, embed') ? (large && !e.title && !e.textContent.trim() ? 'picture' : '')
        : e.matches('iframe') ? (e.title ? '' : 'frame')
        : e.matches('[role=img]') ? (e.querySelector?.('title') || e.title ? '' : 'picture')
        : e.matches('svg') && !e.ownerSVGElement && large && !/^1(\.\d+)?em$/.test(e.getAttribute('width') ?? '') ? (e.querySelector('title, text, foreignObject') || connector(e) ? '' : 'drawing') : ''
      if (what && !labelled(e)) fault('missing-alt', e, `A ${what} (${words(e.getAttribute('src')?.split('/').pop() || e.localName, 40)}) has no text for those who do not see it.`, b)
    }

    // -- diagrams and slides that show an error instead
    const say = (e, what) => fault('broken-diagram', e, `A ${what} was not drawn: ${words(e.textContent, 90)}`, e.getBoundingClientRect())
    for (const e of all) {
      if (e.matches('pre.failure')) say(e, 'picture')
      else if (e.matches('pre.text-wrap') && !e.closest('.slidev-code-wrapper')) say(e, 'diagram')
      else if (e.matches('svg[aria-roledescription=error]')) say(e, 'Mermaid diagram')
      else if (e.matches('svg') && !e.ownerSVGElement && /Syntax Error\?|\[From string \(line \d+\)|Some diagram description contains errors/.test(e.textContent)) say(e, 'PlantUML diagram')
      else if (e.matches('.slidev-layout.error, .slidev-layout') && /An error occurred on this slide\. Check the terminal/.test(e.textContent)) fault('failed-slide', e, 'Slidev shows its own error instead of the slide.', frame)
    }
    for (const { host, img } of laid)
      if (/Syntax Error\?|\[From string \(line \d+\)|Syntax error in text/.test(host.shadowRoot.textContent)) fault('broken-diagram', img, `The picture ${name(img)} is that of a diagram's error.`, img.getBoundingClientRect())

    // -- a slot that was lost is printed
    for (const run of seen) {
      const lost = run.text.match(/(?:^|\s)(::[a-zA-Z][\w-]*::)(?=\s|$)/)
      if (lost && !within(run.e, 'code, pre')) fault('lost-slot', run.block, `${lost[1]} is printed as text, so its column is lost; it needs an empty line before it.`, union(run.rects))
    }

    // -- links to slides that are not there
    const names = new Set((nav.slides ?? []).map(s => s.meta?.slide?.frontmatter?.routeAlias).filter(Boolean).map(String))
    const ROOMS = ['', 'presenter', 'overview', 'print', 'notes', 'notes-edit', 'entry', 'export', 'play']
    for (const a of all.filter(e => e.matches('a[href]'))) {
      const to = new URL(a.href, location.href), told = words(a.textContent) || a.getAttribute('href')
      if (to.origin !== location.origin || !/^https?:/.test(to.protocol)) continue
      const dead = why => fault('dead-link', a, `The link "${told}" leads to ${why}.`, a.getBoundingClientRect())
      if (to.pathname === location.pathname && to.hash) {
        const [route, anchor] = decodeURIComponent(to.hash).replace(/^#\/?/, '').split('#')
        if (anchor) { // Slidev's Link stays where it is and looks for an element
          if (!document.getElementById(anchor)) dead(`#${anchor}, where nothing is; a slide is written as /${anchor.replace(/^\//, '')}`)
          continue
        }
        const [first, second] = route.split('?')[0].split('/')
        const place = ROOMS.includes(first) ? second ?? '' : first
        const number = /^\d+$/.test(place) ? Number(place) : null
        if (place === '' || names.has(place) || (number !== null && number >= 1 && number <= nav.total)) continue
        if (number === null && !to.hash.startsWith('#/') && document.getElementById(place)) continue
        dead(number === null ? `"${place}", and no slide has that name` : `slide ${place}, and there are ${nav.total}`)
      } else if (to.pathname !== location.pathname && !(a.getAttribute('href').startsWith('/') && !/\.\w+$/.test(to.pathname))) { // /blog/ may be another site
        const key = `link ${to.pathname}`
        if (!loads.has(key)) loads.set(key, fetch(to.pathname, { method: 'HEAD' }).then(r => r.ok).catch(() => false))
        if (!await loads.get(key)) lost.push(to.href.split('#')[0], to.origin + to.pathname), dead(`${to.pathname.split('/').pop() || to.pathname}, which is not in the deck`)
      }
    }

    // -- what a text stands on, where that can be said without looking at pixels
    const ground = (run, x, y) => {
      const own = new Set(ups(run.e)), layers = []
      let reached = false
      for (const e of stack(x, y)) {
        reached ||= own.has(e) || run.e.contains(e)
        const s = style(e)
        if (!reached) { if (opaque(e)) return 'covered'; continue }
        if (s.mixBlendMode !== 'normal' || (s.filter !== 'none' && e !== run.e) || s.backdropFilter !== 'none') return null
        if (e.matches('img, canvas, video, iframe, object, embed')) return null
        if (e instanceof SVGElement && e.localName !== 'svg') {
          if (!textOf(e) && e.localName !== 'g' && e.localName !== 'foreignObject') return null
          continue
        }
        if (s.backgroundImage !== 'none' && s.backgroundClip !== 'text') return null
        const c = s.backgroundClip === 'text' ? [0, 0, 0, 0] : colour(s.backgroundColor)
        if (c[3] > 0) layers.push([...c.slice(0, 3), c[3] * (e === run.e ? 1 : faintness(e))])
        if (c[3] * faintness(e) > 0.995) break
      }
      if (!reached) return null
      return layers.reverse().reduce((under, [r, g, b, a]) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a)), [255, 255, 255])
    }
    const inks = new Map()
    for (const run of seen) {
      if (!LETTER.test(run.text) || run.img) continue
      const s = style(run.e), clipped = s.backgroundClip === 'text' ? run.e : [...ups(run.e)].slice(0, 3).find(a => style(a).backgroundClip === 'text')
      const c = textOf(run.e) ? [...colour(s.fill).slice(0, 3), colour(s.fill)[3] * Number(s.fillOpacity)] : colour(s.webkitTextFillColor || s.color)
      if (!clipped && c[3] === 0) continue
      const inFrame = run.rects.filter(r => r.left >= frame.left - 1 && r.right <= frame.right + 1 && r.top >= frame.top - 2 && r.bottom <= frame.bottom + 2)
      if (!inFrame.length) continue
      const points = [inFrame[0], inFrame.at(-1)].flatMap(r => [0.08, 0.5, 0.92].map(at => [r.left + at * r.width, (r.top + r.bottom) / 2]))
      const grounds = points.map(([x, y]) => ground(run, x, y)).filter(g => g !== 'covered')
      if (!grounds.length) continue
      if (faintness(run.e) < 0.15 && size(run.e) >= 40) continue // a watermark
      const faint = faintness(run.e), key = `${path(run.block)} ${c.map(v => Math.round(v * 100)).join()} ${faint.toFixed(2)} ${clipped ? 'clip' : ''}`
      const known = clipped || grounds.some(g => !g) ? null : [...new Map(grounds.map(g => [g.join(), g])).values()]
      if (inks.has(key)) {
        const old = inks.get(key)
        old.rects.push(...inFrame.slice(0, 8).map(box))
        old.grounds = old.grounds && known ? [...new Map([...old.grounds, ...known].map(g => [g.join(), g])).values()] : null
        old.of.push(path(run.e))
        old.text = words(`${old.text} ${run.text}`)
        continue
      }
      inks.set(key, { of: [path(run.e)], block: path(holder(run)), text: words(run.text), colour: c, faint, grounds: known, gradient: Boolean(clipped), rects: inFrame.slice(0, 8).map(box), large: run.size >= 24 || (run.size >= 18.6 && Number(s.fontWeight) >= 700) })
    }

    // -- charts: the colours that tell series apart, and whether a name stands at their ends
    const charts = []
    const svgs = [...all.filter(e => e.matches('svg') && !e.ownerSVGElement), ...laid.map(l => l.host.shadowRoot.querySelector('svg'))]
    for (const svg of svgs) {
      const area = svg.getBoundingClientRect()
      if (area.width * unit < 120 || area.height * unit < 80) continue
      const named = runs.filter(r => /\p{L}/u.test(r.text) && within(r.e, 'svg') === svg || (within(r.e, 'foreignObject') && svg.contains(r.e))).flatMap(r => r.rects)
      const near = (x, y, by = 30) => named.some(r => x > r.left - by / unit && x < r.right + by / unit && y > r.top - by / unit / 2 && y < r.bottom + by / unit / 2)
      const series = new Map()
      for (const e of svg.querySelectorAll('path, line, polyline, polygon, rect, circle, ellipse, use')) {
        if (e.closest('defs, clipPath, mask, marker, symbol, pattern') || !shown(e)) continue
        const s = style(e), b = e.getBoundingClientRect(), m = e.getScreenCTM()
        if (!m) continue
        const scale = Math.sqrt(Math.abs(m.a * m.d - m.b * m.c)) * unit
        const stroke = s.stroke === 'none' ? [0, 0, 0, 0] : colour(s.stroke), fill = s.fill === 'none' ? [0, 0, 0, 0] : colour(s.fill)
        const alpha = Number(s.opacity), wide = parseFloat(s.strokeWidth) * scale
        const line = stroke[3] * Number(s.strokeOpacity) * alpha > 0.5 && wide >= 1.2 && fill[3] * Number(s.fillOpacity) < 0.5 && e.localName !== 'rect' && Math.min(b.width, b.height) * unit > 2 && Math.hypot(b.width, b.height) * unit > 60
        const mark = fill[3] * Number(s.fillOpacity) * alpha > 0.5 && b.width * b.height * unit * unit > 9 && b.width * b.height < 0.4 * area.width * area.height && e.localName !== 'line'
        if (!line && !mark) continue
        const c = line ? stroke : fill, key = `${line ? 'line' : 'mark'} ${c.slice(0, 3)}`
        let ends
        if (line && e.getPointAtLength) {
          try {
            const long = e.getTotalLength()
            ends = [0, long].map(at => { const p = e.getPointAtLength(at).matrixTransform(m); return near(p.x, p.y) })
          } catch { ends = [false] }
        } else ends = [near(b.left + b.width / 2, b.bottom) || near(b.right, b.top + b.height / 2) || near(b.left, b.top + b.height / 2) || near(b.left + b.width / 2, b.top)]
        if (!series.has(key)) series.set(key, { type: line ? 'line' : 'mark', colour: c.slice(0, 3).map(Math.round), dashes: [], shapes: [], count: 0, named: 0, box: box(b) })
        const one = series.get(key)
        one.count += 1
        one.named += ends.some(Boolean)
        const dash = s.strokeDasharray, shape = e.localName === 'use' ? e.href.baseVal : ''
        if (line && !one.dashes.includes(dash)) one.dashes.push(dash)
        if (shape && !one.shapes.includes(shape)) one.shapes.push(shape)
      }
      if (series.size > 1) charts.push({ key: path(svg), box: box(area), series: [...series.values()] })
    }

    const body = seen.filter(r => !r.part && !r.img)
    const filled = body.filter(r => LETTER.test(r.text)).length > 2 || body.some(r => /\p{L}/u.test(r.text) || (LETTER.test(r.text) && size(r.e) >= 24))
      || pictures.length > 0 || all.some(e => e.matches('svg') && e.getBoundingClientRect().width * unit > 40) || behind.length > 0
    const route = (nav.slides ?? [])[Number(page.dataset.slidevNo ?? nav.currentPage ?? 1) - 1]?.meta?.slide
    return {
      faults, charts, filled, lost,
      follows: (configs?.colorSchema ?? 'light') === 'auto',
      asked: [...sources, ...behind.map(([, url]) => url)].filter(outside),
      inks: [...inks.values()],
      words: body.map(r => r.text).join(' ').split(/\s+/).filter(w => LETTER.test(w)).length,
      note: route ? route.note || (route.noteHTML ?? '').replace(/<[^>]*>/g, ' ') : null,
      layout: page.querySelector('.slidev-layout')?.className ?? '',
    }
  } finally {
    roots.forEach((r, i) => { r.adoptedStyleSheets = before[i] })
    laid.forEach(({ host }) => host.remove())
  }
}
