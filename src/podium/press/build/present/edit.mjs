// Slidev's own server for one deck that is being written, with a wire to Podium: JSON lines on standard input.
//
//   node edit.mjs SLIDES_FOLDER CACHE_FOLDER PORT [THEME]        run in the folder of slides.md
//   {"figures": ["name", ...]}   these were drawn again      {"error": "..."}   what is wrong, "" for nothing
//   {"pages": ["slides.md"]}     these were written again: a file replaced twice in a blink escapes the file watcher
//
// It says "ready", and what stands before a slide's path, once it answers, and ends when its input does.
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import path from 'node:path'
import process from 'node:process'

const [, , folder, cacheDir, port, theme] = process.argv
const slidev = path.join(folder, 'node_modules/@slidev/cli')
process.argv[1] = path.join(slidev, 'bin/slidev.mjs') // by this Slidev finds its packages, which lie beside no deck
const { createServer, resolveOptions, parser } = await import(pathToFileURL(path.join(slidev, 'dist/index.mjs')))
const RESTART = ['monaco', 'routerMode', 'fonts', 'css', 'mdc', 'theme', 'seoMeta']
const CLIENT = '/@podium/edit.js'

let server, failure = ''

/** What runs in the page: an error stands over the slide, which stays. */
const client = () => {
  const box = document.createElement('div')
  box.setAttribute('role', 'alert')
  box.style.cssText = 'position:fixed;left:24px;right:24px;bottom:24px;z-index:10000;display:none;max-height:60vh;overflow:auto;'
    + 'padding:16px 20px;border-radius:12px;background:#450a0a;color:#fee2e2;border:1px solid #b91c1c;'
    + 'font:17px/1.5 system-ui,sans-serif;white-space:pre-wrap;box-shadow:0 12px 40px #0008'
  const show = ({ error }) => {
    box.textContent = error ? `${error}\n\nThe last good slides stay until this is mended.` : ''
    box.style.display = error ? 'block' : 'none'
    if (!box.isConnected)
      document.body.append(box)
  }
  import.meta.hot.on('podium:error', show)
  import.meta.hot.send('podium:hello')
}

const plugin = {
  name: 'podium:edit',
  configureServer(dev) {
    dev.ws.on('podium:hello', (_, window) => failure && window.send('podium:error', { error: failure }))
  },
  transform: (code, id) => id.includes('/@slidev/client/main.ts') ? { code: `import '${CLIENT}'\n${code}`, map: null } : undefined,
  resolveId: id => id === CLIENT ? id : undefined,
  load: id => id === CLIENT ? `(${client})()` : undefined,
}

/** Nothing but this program writes the slides: neither the page nor an agent does. */
const guarded = (data) => {
  Object.assign(data.config, { editor: false, mcp: false })
  return data
}

async function begin() {
  const options = await resolveOptions({ entry: 'slides.md', theme }, 'dev')
  guarded(options.data)
  server = await createServer(options, {
    server: { port: Number(port), strictPort: true, host: '127.0.0.1' },
    plugins: [plugin],
    cacheDir,
    logLevel: 'warn',
    clearScreen: false,
  }, {
    async loadData(source) {
      const loaded = await parser.load(options, options.entry, source, 'dev')
      const before = options.data
      const config = parser.resolveConfig(loaded.headmatter, before.themeMeta, options.entry)
      const data = guarded({ ...loaded, themeMeta: before.themeMeta, config })
      const other = name => JSON.stringify(config[name]) !== JSON.stringify(before.config[name])
      if (RESTART.some(other) || (data.features.katex && !before.features.katex)) {
        setTimeout(again, 50)
        return false
      }
      return data
    },
  })
  await server.listen()
  return options.data.config.routerMode === 'hash' ? '/#' : ''
}

async function again() {
  await server.close()
  await begin()
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const said = JSON.parse(line)
  for (const page of said.pages ?? [])
    server?.watcher.emit('change', path.resolve(page))
  if (said.figures)
    server?.ws.send('podium:figures', said.figures)
  if (said.error !== undefined) {
    failure = said.error
    server?.ws.send('podium:error', { error: failure })
  }
}).on('close', () => process.exit(0))

console.log(`ready ${await begin()}`)
