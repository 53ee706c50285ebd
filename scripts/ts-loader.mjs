// Registers the hooks that run TypeScript: `node --import ./scripts/ts-loader.mjs file.ts`
import { register } from 'node:module'

register('./ts-hooks.mjs', import.meta.url)
