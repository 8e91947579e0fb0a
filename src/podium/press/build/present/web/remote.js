// The phone in the speaker's hand: next, previous, notes, stopwatch, and a list of the slides.
'use strict'
const OURS = '/_podium/'
const $ = id => document.getElementById(id)
let socket
let at = [1, 0]
let notes = []
let timer = { status: 'stopped', passed: 0, since: Date.now() }

const say = message => socket?.readyState === 1 && socket.send(JSON.stringify(message))

function connect() {
  const address = new URL(`${OURS}live`, location.href)
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'
  socket = new WebSocket(address)
  socket.onopen = () => {
    $('lost').hidden = true
    say({ hello: { role: 'phone', browser: 'phone' } })
  }
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data)
    if (message.at) {
      at = message.at
      show()
    }
    if (message.timer)
      timer = { ...message.timer, since: Date.now() }
    tick()
  }
  socket.onclose = () => {
    $('lost').hidden = false
    setTimeout(connect, 1000)
  }
}

function show() {
  const [slide, click] = at
  $('place').textContent = `${slide} / ${$('slides').children.length || '?'}`
  // The server made this HTML of plain text, emphasis, code and lists only; the policy of this page runs no script in it.
  $('notes').innerHTML = notes[slide - 1] || '<p class="none">No notes.</p>'
  let current
  for (const mark of $('notes').querySelectorAll('.slidev-note-click-mark')) {
    mark.classList.toggle('past', Number(mark.dataset.clicks) < click)
    mark.classList.toggle('now', Number(mark.dataset.clicks) === click)
    if (Number(mark.dataset.clicks) === click)
      current = mark
  }
  if (current)
    current.scrollIntoView({ block: 'center' })
  else
    $('notes').scrollTop = 0
  for (const item of $('slides').children)
    item.firstChild.setAttribute('aria-current', Number(item.dataset.slide) === slide ? 'true' : 'false')
}

function list(titles) {
  $('slides').replaceChildren(...titles.map((title, index) => {
    const item = document.createElement('li')
    const button = document.createElement('button')
    item.dataset.slide = index + 1
    button.type = 'button'
    button.textContent = title || `Slide ${index + 1}`
    button.onclick = () => {
      say({ at: [index + 1, 0] })
      at = [index + 1, 0]
      show()
      toggleList(false)
    }
    item.append(button)
    return item
  }))
}

/** The small picture of the slide is the deck itself: it knows the titles. */
async function titles() {
  for (;;) {
    const app = $('deck').contentDocument?.querySelector('#app')?.__vue_app__
    const slides = app?._context.provides['$$slidev-context']?.nav.slides
    if (slides)
      return slides.map(slide => slide.meta?.slide?.title ?? '')
    await new Promise(done => setTimeout(done, 200))
  }
}

function toggleList(open) {
  $('slides').hidden = !open
  $('list').setAttribute('aria-expanded', String(open))
  if (open)
    $('slides').children[at[0] - 1]?.scrollIntoView({ block: 'center' })
}

function tick() {
  const passed = timer.passed + (timer.status === 'running' ? Date.now() - timer.since : 0)
  const seconds = Math.floor(passed / 1000)
  $('clock').textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
  $('clock').dataset.status = timer.status
}

function fit() {
  const width = $('stage').clientWidth
  $('stage').style.height = `${Math.round(width * 552 / 980)}px`
}

async function begin() {
  const answer = await fetch(`${OURS}notes.json`)
  if (answer.status === 401)
    location.replace(`${OURS}login`)
  notes = answer.ok ? await answer.json() : []
  list(notes.map(() => ''))
  show()
  connect()
  list(await titles())
  show()
}

$('next').onclick = () => say({ move: 'next' })
$('prev').onclick = () => say({ move: 'prev' })
$('list').onclick = () => toggleList($('slides').hidden)
let held
$('clock').onpointerdown = () => {
  held = setTimeout(() => {
    held = 0
    say({ clock: 'reset' })
  }, 700)
}
$('clock').onpointerup = () => {
  if (held) {
    clearTimeout(held)
    say({ clock: 'toggle' })
  }
}
addEventListener('keydown', (event) => {
  if (['ArrowRight', 'PageDown', ' '].includes(event.key))
    say({ move: 'next' })
  if (['ArrowLeft', 'PageUp'].includes(event.key))
    say({ move: 'prev' })
})
addEventListener('resize', fit)
setInterval(tick, 250)
fit()
begin()
