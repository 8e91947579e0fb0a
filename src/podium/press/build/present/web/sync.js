// Keeps this window of the deck together with all others of the talk, and gives the presenter view its notes.
// Podium puts this script into the page when it is presented; a built site holds none of it.
(() => {
  'use strict'
  const OURS = '/_podium/'
  const FAR = 999_999 // Slidev's "after the last click" of a slide it has not loaded yet
  const embedded = window !== window.parent

  // Slidev's windows of one browser tell each other their slide. Here the server tells all, so that two ways cannot
  // disagree; drawing, pointer and stopwatch go Slidev's way.
  const DIRECTIONS = 'slidev-sync-directions'
  const quiet = JSON.stringify({ viewerSend: false, viewerReceive: false, presenterSend: false, presenterReceive: false })
  const { getItem, setItem } = Storage.prototype
  Storage.prototype.getItem = function (key) {
    return key === DIRECTIONS ? quiet : getItem.call(this, key)
  }
  Storage.prototype.setItem = function (key, value) {
    if (key !== DIRECTIONS)
      setItem.call(this, key, value)
  }

  const browser = localStorage.getItem('podium-browser') ?? Math.random().toString(36).slice(2)
  localStorage.setItem('podium-browser', browser)

  const later = ms => new Promise(done => setTimeout(done, ms))
  let app, context, nav, router, socket
  let applying = 0 // goings that were told to us: they are not told back
  let known = '' // the place that all agree on
  let unheard = 0 // places that we told and nobody has heard yet: what others told before them is over
  let missed = false // somebody went on here while we followed
  let greeted = false // we were told where all are: before that, we tell nothing
  let notesShown = false

  async function begin() {
    while (!(app = document.querySelector('#app')?.__vue_app__) || !app._context.provides['$$slidev-context'])
      await later(20)
    context = app._context.provides['$$slidev-context']
    nav = context.nav
    router = app.config.globalProperties.$router
    await router.isReady()
    connect()
    router.afterEach(moved)
    if (!embedded)
      channels(context.configs.slidesTitle)
    showNotes()
  }

  const isPresenter = () => router.currentRoute.value.name === 'presenter'
  const role = () => embedded ? 'preview' : isPresenter() ? 'presenter' : 'viewer'
  const say = message => socket?.readyState === 1 && socket.send(JSON.stringify(message))

  function connect() {
    const address = new URL(`${OURS}live`, location.href)
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'
    socket = new WebSocket(address)
    socket.onopen = () => {
      unheard = 0
      greeted = false
      say({ hello: { role: role(), browser } })
    }
    socket.onmessage = event => heard(JSON.parse(event.data))
    socket.onclose = () => setTimeout(connect, 1000)
  }

  async function heard(message) {
    if (message.heard)
      unheard = Math.max(0, unheard - 1)
    if ('at' in message)
      await placed(message.at)
    if (message.do === 'next' || message.do === 'prev')
      await nav[message.do]()
    if (message.drawn)
      paper?.postMessage(message.drawn)
    if (message.timer && isPresenter())
      setClock(message.timer)
  }

  /** Where all are; null greets whoever comes first. */
  async function placed(at) {
    greeted = true
    if (at && !unheard)
      return follow(...at)
    if (!at && !embedded) {
      known = ''
      await moved()
    }
  }

  async function follow(slide, click) {
    known = `${slide}/${click}`
    if (!router.currentRoute.value.params.no)
      return // an overview stays one
    applying++
    try {
      await nav.go(slide, click)
    }
    finally {
      applying--
    }
    if (missed && !applying) {
      missed = false
      await moved()
    }
  }

  /** Where the address says that we are; Slidev keeps slide and click there. */
  async function place() {
    const slide = nav.currentSlideNo
    let click = Number(router.currentRoute.value.query.clicks ?? 0) || 0
    for (let waited = 0; click >= FAR && waited < 40; waited++) {
      await later(50)
      if (nav.clicksTotal > 0)
        click = nav.clicksTotal
    }
    return [slide, click >= FAR ? 0 : click]
  }

  async function moved(to) {
    if (to?.name)
      roleChanged()
    if (!greeted || !router.currentRoute.value.params.no)
      return
    if (applying) {
      missed = true
      return
    }
    const [slide, click] = await place()
    if (applying || slide !== nav.currentSlideNo || known === `${slide}/${click}`)
      return
    known = `${slide}/${click}`
    if (say({ at: [slide, click] }) !== false)
      unheard++
  }

  let lastRole = ''
  function roleChanged() {
    if (role() !== lastRole) {
      lastRole = role()
      say({ role: lastRole })
      showNotes()
    }
  }

  // Slidev posts what is drawn, and its stopwatch, to the windows of this browser; a presenter view passes both on.
  let paper, shared
  let clock = { status: 'stopped', startedAt: 0, pausedAt: 0 }
  function channels(title) {
    paper = new BroadcastChannel(`${title} - drawings`)
    shared = new BroadcastChannel(`${title} - shared`)
    paper.onmessage = ({ data }) => isPresenter() && say({ drawn: { ...data } })
    shared.onmessage = ({ data }) => {
      const now = data?.timer
      if (!now || !isPresenter() || (now.status === clock.status && now.startedAt === clock.startedAt))
        return
      clock = { ...now }
      const until = now.status === 'running' ? Date.now() : now.pausedAt
      say({ timer: { status: now.status, passed: now.status === 'stopped' ? 0 : Math.max(0, until - now.startedAt) } })
    }
  }

  function setClock({ status, passed }) {
    const now = Date.now()
    clock = { status, slides: {}, startedAt: status === 'stopped' ? 0 : now - passed, pausedAt: status === 'paused' ? now : 0 }
    shared?.postMessage({ timer: clock })
  }

  /** Give Slidev's presenter view the notes, which the built site does not hold. */
  async function showNotes() {
    if (notesShown || embedded || !['presenter', 'notes'].includes(router.currentRoute.value.name))
      return
    notesShown = true
    const answer = await fetch(`${OURS}notes.json`)
    if (!answer.ok)
      return
    const notes = await answer.json()
    nav.slides.forEach((slide, index) => {
      context.podium = slide.meta.slide // read back from Vue's object, it is one that tells its readers of changes
      if (notes[index])
        context.podium.noteHTML = notes[index]
    })
  }

  begin()
})()
