import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

/** The deck lies under build/, the theme and the packages under slides/: the dev server may read all of these. */
export default defineConfig({
  optimizeDeps: { exclude: ['@plantuml/core'] },
  server: { fs: { allow: [fileURLToPath(new URL('..', import.meta.url))] } },
})
