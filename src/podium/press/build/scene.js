// What stands on the slide shown, in reading order: blocks of text with their runs, tables, code, pictures, and the
// panels behind them; each with its place in CSS pixels of the slide. Pictures are marked in the page with
// data-podium-picture, so that they can be photographed alone.
() => {
  const page = [...document.querySelectorAll('.slidev-page')].find(e => e.getClientRects().length)
  if (!page) return { blocks: [], ground: '', title: '', deck: document.title, language: '' }
  const frame = page.getBoundingClientRect()
  const PICTURES = 'img, svg, canvas, video, iframe, object, .mermaid, .katex-display, [role="img"]'
  // What is no part of the slide as it is read: here nothing can be clicked.
  const PASSED = 'script, style, noscript, template, .katex-mathml, .receipt-panel, .receipt-mark'
  const INLINE = /^(inline|contents|ruby)/
  const PRE = /^(pre|pre-wrap|break-spaces)$/
  const blocks = []
  let pictures = 0

  const visible = e => e.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  const place = r => [r.left - frame.left, r.top - frame.top, r.width, r.height]
  const union = rects => {
    const kept = rects.filter(r => r.width && r.height)
    if (!kept.length) return null
    const left = Math.min(...kept.map(r => r.left)), top = Math.min(...kept.map(r => r.top))
    const right = Math.max(...kept.map(r => r.right)), bottom = Math.max(...kept.map(r => r.bottom))
    return { left, top, right, bottom, width: right - left, height: bottom - top }
  }
  const inFrame = r => r.right > frame.left && r.left < frame.right && r.bottom > frame.top && r.top < frame.bottom
  const isPicture = e => e.shadowRoot || e.matches(PICTURES)
  const isMath = e => e.matches('.katex') && !e.closest('.katex-display')
  const texOf = e => e.querySelector('annotation[encoding="application/x-tex"]')?.textContent.trim() ?? ''
  const isInline = e => isMath(e) || INLINE.test(getComputedStyle(e).display) && !e.matches(PICTURES) && !e.shadowRoot
  const onlyInline = e => isMath(e) || [...e.children].every(c =>
    c.matches(PASSED) || !visible(c) || (isInline(c) && onlyInline(c)) || (c.matches('svg, img') && c.clientWidth < 32))

  // Any CSS colour as [red, green, blue, alpha], by drawing it: oklch() and the like are colours too.
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  const known = new Map()
  const rgba = css => {
    if (!known.has(css)) {
      canvas.clearRect(0, 0, 1, 1)
      canvas.fillStyle = css
      canvas.fillRect(0, 0, 1, 1)
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
      known.set(css, [r, g, b, Math.round(a / 2.55) / 100])
    }
    return known.get(css)
  }
  const opacity = e => {
    let product = 1
    for (let at = e; at && at !== document.body; at = at.parentElement) product *= +getComputedStyle(at).opacity
    return product
  }
  const faded = (css, e) => {
    const [r, g, b, a] = rgba(css)
    return [r, g, b, Math.round(a * opacity(e) * 100) / 100]
  }
  const cased = (text, how) => how === 'uppercase' ? text.toUpperCase() : how === 'lowercase' ? text.toLowerCase()
    : how === 'capitalize' ? text.replace(/(^|\s)(\p{L})/gu, (_, space, letter) => space + letter.toUpperCase()) : text

  // What the inline boxes around a text add to it: a ground, and a line below.
  const opaque = (color, e) => { // over the nearest ground that nothing shines through
    let behind = [255, 255, 255, 1]
    for (let at = e.parentElement; at; at = at.parentElement) {
      const under = rgba(getComputedStyle(at).backgroundColor)
      if (under[3] === 1) { behind = under; break }
    }
    return [0, 1, 2].map(i => Math.round(color[i] * color[3] + behind[i] * (1 - color[3]))).concat(1)
  }
  const dressed = e => {
    let ground = null, below = ''
    for (let at = e; at && at !== page && isInline(at); at = at.parentElement) {
      const style = getComputedStyle(at), color = faded(style.backgroundColor, at)
      if (!ground && color[3]) ground = opaque(color, at)
      const edge = side => parseFloat(style[`border${side}Width`]) && style[`border${side}Style`]
      const sides = [edge('Top'), edge('Bottom')]
      if (sides[1] && !sides[0]) below = sides[1]
    }
    return { ground, below }
  }
  const lined = (e, line) => {
    for (let at = e; at && at !== page; at = at.parentElement)
      if (getComputedStyle(at).textDecorationLine.includes(line)) return true
    return false
  }
  // The runs of some inline nodes: text with one look each, spaces as CSS shows them.
  function runs(nodes, skip = () => false) {
    const found = [], rects = []
    const say = node => {
      if (node.nodeType === Node.TEXT_NODE) {
        const parent = node.parentElement, style = getComputedStyle(parent)
        if (!visible(parent)) return
        const range = document.createRange()
        range.selectNodeContents(node)
        const drawn = [...range.getClientRects()]
        const spaced = PRE.test(style.whiteSpace) || style.whiteSpaceCollapse === 'preserve'
        const text = spaced ? node.data : node.data.replace(/[ \t\n\r]+/g, ' ')
        if (!drawn.length && text.trim()) return
        if (!spaced && !text.trim() && !drawn.length && !found.length) return
        rects.push(...drawn)
        const link = parent.closest('a[href]')
        found.push({
          text: cased(text, style.textTransform), color: faded(style.color, parent), size: parseFloat(style.fontSize),
          bold: +style.fontWeight >= 600, italic: style.fontStyle !== 'normal', stressed: !!parent.closest('em, i'),
          family: style.fontFamily, spacing: parseFloat(style.letterSpacing) || 0,
          strike: lined(parent, 'line-through'),
          underline: lined(parent, 'underline'), ...dressed(parent), code: !!parent.closest('code, pre, kbd, samp'),
          raised: parent.closest('sup') ? 1 : parent.closest('sub') ? -1 : 0,
          link: link ? link.getAttribute('href') : '',
        })
      } else if (node.nodeType === Node.ELEMENT_NODE && !node.matches(PASSED) && !skip(node)) {
        if (node.tagName === 'BR') found.push({ break: true })
        else if (isMath(node)) { // a formula in a line of text: its letters, and its source beside them
          const before = found.length
          node.querySelector('.katex-html')?.childNodes.forEach(say)
          const [first, ...rest] = found.splice(before)
          const letters = [first, ...rest].map(run => run?.text ?? '').join('')
          if (first) found.push({ ...first, text: letters, tex: texOf(node) })
        }
        else if (visible(node) && !isPicture(node)) {
          const last = found[found.length - 1]
          if (last?.text && !/\s$/.test(last.text) && parseFloat(getComputedStyle(node).marginLeft) > 2)
            found.push({ ...last, text: ' ', ground: null, below: '', code: false, link: '' })
          node.childNodes.forEach(say)
        }
      }
    }
    nodes.forEach(say)
    return { runs: tidy(found), rects }
  }
  // Spaces at the ends of lines, and doubled where two runs meet, are not shown.
  function tidy(found) {
    const kept = []
    for (const run of found) {
      const last = kept[kept.length - 1]
      const open = !last || last.break || (/[ \n]$/.test(last.text) && !last.code)
      if (!run.break && !run.code && open) run.text = run.text.replace(/^[ ]+/, '')
      if (run.break && last && !last.break) last.text = last.text.replace(/ +$/, '')
      if (run.break || run.text) kept.push(run)
    }
    const last = kept[kept.length - 1]
    if (last && !last.break && !last.code) last.text = last.text.replace(/ +$/, '')
    return kept.filter(run => run.break || run.text)
  }
  const said = found => found.some(run => run.break ? false : run.text.trim())
  const leading = e => {
    const style = getComputedStyle(e), line = parseFloat(style.lineHeight)
    return (line || 1.2 * parseFloat(style.fontSize)) / parseFloat(style.fontSize)
  }
  const ROLES = { page: '.page', foot: '.foot, footer', kicker: '.kicker', badge: '.badge' }
  const role = e => Object.keys(ROLES).find(name => e.closest(ROLES[name])) ?? ''

  // How many lines the rectangles stand on: a new one begins where the middle of the next lies below what came before.
  function linesOf(rects) {
    let count = 0, below = -Infinity
    for (const r of [...rects].sort((a, b) => a.top - b.top))
      if ((r.top + r.bottom) / 2 > below) { count++; below = r.bottom }
    return count
  }

  function text(nodes, owner) {
    const { runs: found, rects } = runs(nodes)
    const box = union(rects)
    if (!box || !said(found) || box.right <= frame.left || box.bottom <= frame.top) return
    const heading = owner.closest('h1, h2, h3, h4, h5, h6')
    const lines = linesOf(rects.filter(r => r.width && r.height))
    const bounds = owner.getBoundingClientRect(), style = getComputedStyle(owner)
    const inner = [bounds.left + parseFloat(style.paddingLeft), bounds.right - parseFloat(style.paddingRight)]
    const alone = owner.contains(nodes[0]) && nodes.length === owner.childNodes.length
    const at = alone && !isInline(owner) ? { ...box, left: inner[0], width: inner[1] - inner[0] } : box
    blocks.push({
      kind: heading ? 'heading' : 'text', level: heading ? +heading.tagName[1] : 0, box: place(at), ink: place(box),
      runs: found, lines, align: style.textAlign, leading: leading(owner), role: role(owner),
      quote: !!owner.closest('blockquote'),
    })
    for (const node of nodes)
      if (node.nodeType === Node.ELEMENT_NODE)
        for (const e of [node, ...node.querySelectorAll(PICTURES)]) if (isPicture(e) && visible(e)) picture(e)
  }

  function picture(e) {
    const box = e.getBoundingClientRect()
    if (box.width < 2 || box.height < 2 || !inFrame(box)) return
    const key = ++pictures
    e.setAttribute('data-podium-picture', key)
    const drawn = [...e.shadowRoot?.querySelectorAll('svg text, svg foreignObject') ?? []]
    const labels = drawn.map(label => label.textContent.trim())
    const alt = e.getAttribute('alt') ?? e.getAttribute('aria-label') ?? e.querySelector('[alt]')?.getAttribute('alt')
      ?? (e.matches('.katex-display') ? texOf(e) : '') ?? ''
    const named = alt || labels.filter(Boolean).join(', ').replace(/\s+/g, ' ').slice(0, 250)
    const left = Math.max(box.left, frame.left), top = Math.max(box.top, frame.top)
    const width = Math.min(box.right, frame.right) - left, height = Math.min(box.bottom, frame.bottom) - top
    const quiet = !!e.closest('[aria-hidden="true"]') // an ornament
    blocks.push({ kind: 'picture', key, alt: named, quiet, box: place({ left, top, width, height }) })
  }

  // The ground and the edges of a box; a gradient or a picture behind it is photographed.
  function panel(e) {
    const style = getComputedStyle(e), box = e.getBoundingClientRect()
    if (!box.width || !box.height || !inFrame(box)) return
    const fill = faded(style.backgroundColor, e)
    const sides = ['Top', 'Right', 'Bottom', 'Left'].map(side => ({
      width: style[`border${side}Style`] === 'none' ? 0 : parseFloat(style[`border${side}Width`]),
      color: faded(style[`border${side}Color`], e),
    }))
    const edged = sides.some(side => side.width && side.color[3])
    if (style.backgroundImage !== 'none' && !isInline(e)) {
      const key = ++pictures
      e.setAttribute('data-podium-picture', key)
      e.setAttribute('data-podium-ground', '')
      blocks.push({ kind: 'ground', key, box: place(box) })
    } else if (fill[3] || edged) {
      const rects = isInline(e) && e.getClientRects().length > 1 ? [...e.getClientRects()] : [box]
      for (const rect of rects)
        blocks.push({
          kind: 'panel', box: place(rect), fill, sides, radius: parseFloat(style.borderTopLeftRadius) || 0,
        })
    }
  }

  function table(e) {
    const rows = [...e.rows].filter(visible).map(row => [...row.cells].filter(visible).map(cell => {
      const { runs: found } = runs([...cell.childNodes])
      const style = getComputedStyle(cell)
      return {
        runs: found, box: place(cell.getBoundingClientRect()), head: cell.tagName === 'TH', align: style.textAlign,
        pad: [parseFloat(style.paddingLeft), parseFloat(style.paddingRight)],
        fill: faded(style.backgroundColor, cell), span: [cell.colSpan, cell.rowSpan],
        below: { width: parseFloat(style.borderBottomWidth), color: faded(style.borderBottomColor, cell) },
      }
    })).filter(row => row.length)
    if (rows.length) blocks.push({ kind: 'table', box: place(e.getBoundingClientRect()), rows })
    e.querySelectorAll(PICTURES).forEach(inside => visible(inside) && picture(inside))
  }

  function code(e) {
    const inside = e.querySelector('code') ?? e
    const lines = [...inside.querySelectorAll(':scope > .line')]
    const { runs: found, rects } = runs(lines.length ? lines.flatMap((line, i) => {
      const nodes = [line]
      if (i + 1 < lines.length) nodes.push(document.createElement('br'))
      return nodes
    }) : [...inside.childNodes])
    const box = union(rects)
    if (box && said(found)) {
      const language = `${e.className} ${e.parentElement?.className}`.match(/language-(\S+)/)?.[1] ?? ''
      blocks.push({ kind: 'code', box: place(box), runs: found, leading: leading(inside), language })
    }
  }

  const simple = list => [...list.children].every(li => li.tagName === 'LI' && [...li.children].every(c =>
    c.matches('ul, ol') ? simple(c) : c.matches('p') ? onlyInline(c) : isInline(c) && onlyInline(c) || !visible(c)))
  const drawnBefore = e => !['none', 'normal'].includes(getComputedStyle(e, '::before').content)
  function list(e) {
    const items = [], all = []
    const add = (at, level) => [...at.children].forEach((li, number) => {
      const { runs: found, rects } = runs([...li.childNodes], node => node.matches('ul, ol'))
      const box = union(rects)
      if (box && said(found)) {
        const style = getComputedStyle(li)
        items.push({ runs: found, box: place(box), level, leading: leading(li), ordered: at.tagName === 'OL',
          number: number + (at.start || 1), marked: style.listStyleType !== 'none' || drawnBefore(li),
          align: style.textAlign })
        all.push(box)
      }
      ;[...li.children].filter(c => c.matches('ul, ol')).forEach(inner => add(inner, level + 1))
    })
    add(e, 0)
    const bounds = e.getBoundingClientRect()
    if (!items.length) return
    const box = union(all)
    blocks.push({ kind: 'list', box: place({ ...box, width: bounds.right - box.left }), items })
  }

  function walk(e) {
    if (e.matches(PASSED) || !visible(e)) return
    if (isPicture(e)) return void picture(e)
    panel(e)
    if (e.tagName === 'TABLE') return table(e)
    if (e.tagName === 'PRE') {
      e.querySelectorAll('*').forEach(inner => visible(inner) && !isInline(inner) && panel(inner))
      return code(e)
    }
    if (e.matches('ul, ol') && simple(e)) return list(e)
    let together = []
    const flush = () => { if (together.length) text(together, e); together = [] }
    for (const node of e.childNodes) {
      if (node.nodeType === Node.TEXT_NODE) together.push(node)
      else if (node.nodeType !== Node.ELEMENT_NODE || node.matches(PASSED)) continue
      else if (node.tagName === 'BR' || (visible(node) && isInline(node) && onlyInline(node))) {
        together.push(node)
      } else if (getComputedStyle(node).display === 'contents' && visible(node)) { flush(); walk(node) }
      else { flush(); walk(node) }
    }
    flush()
  }
  walk(page)
  let ground = [255, 255, 255, 1]
  for (let at = page; at; at = at.parentElement) {
    const color = rgba(getComputedStyle(at).backgroundColor)
    if (color[3]) { ground = color; break }
  }
  const heading = blocks.find(block => block.kind === 'heading')
  const title = heading ? heading.runs.map(run => run.break ? ' ' : run.text).join('') : ''
  return { blocks, ground, title, deck: document.title, language: document.documentElement.lang }
}
