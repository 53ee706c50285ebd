import type { SessionStore } from 'fastify-refresh-token'

/** What goes on while it is stopped: how an app opens and closes it is no question to it. */
const ALWAYS = new Set<string | symbol>(['openFeed', 'close', 'warnings'])

export interface StoppableStore {
  store: SessionStore
  isRunning: boolean
}

/** A store that can be stopped: every question to it then fails, as if its server were gone. */
export function createStoppableStore(inner: SessionStore): StoppableStore {
  const stoppable: StoppableStore = {
    isRunning: true,
    store: new Proxy(inner, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        return (...args: unknown[]) => {
          if (!stoppable.isRunning && !ALWAYS.has(name)) return Promise.reject(new Error('stopped'))
          return method.apply(target, args)
        }
      }
    })
  }
  return stoppable
}
