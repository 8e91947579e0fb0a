// Takes the password, from the form or from the code that the phone read (behind the # of the address: no server sees it).
'use strict'
const base = document.body.dataset.base
const PLACES = { remote: '/_podium/remote', deck: base, presenter: `${base}#/presenter/1` }
const said = document.getElementById('said')

async function enter(password, to) {
  const answer = await fetch('/_podium/login', { method: 'POST', body: new URLSearchParams({ password }) })
  if (answer.ok)
    location.replace(PLACES[to] ?? PLACES.deck)
  else if (answer.status === 429)
    said.textContent = `Too many wrong tries. Wait ${answer.headers.get('Retry-After')} seconds.`
  else
    said.textContent = 'That is not the password.'
}

document.getElementById('form').onsubmit = (event) => {
  event.preventDefault()
  enter(document.getElementById('password').value, event.submitter?.value ?? 'remote')
}

function scanned() {
  const given = location.hash.slice(1)
  if (!given)
    return
  history.replaceState(null, '', location.pathname)
  enter(decodeURIComponent(given), 'remote')
}

addEventListener('hashchange', scanned)
scanned()
