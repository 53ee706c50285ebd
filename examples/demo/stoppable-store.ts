import type { SessionStore } from 'fastify-refresh-token'

/** Calls that succeed while the store is stopped: the application makes them when it starts and closes. */
const ALWAYS_AVAILABLE = new Set<string | symbol>(['openFeed', 'watchMaster', 'close', 'warnings'])

export interface StoppableStore {
  store: SessionStore
  isRunning: boolean
}

/** Wraps a store so that it can be stopped. Every call then fails, as if the server of the store were down. */
export function createStoppableStore(inner: SessionStore): StoppableStore {
  const stoppable: StoppableStore = {
    isRunning: true,
    store: new Proxy(inner, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        return (...args: unknown[]) => {
          if (!stoppable.isRunning && !ALWAYS_AVAILABLE.has(name)) return Promise.reject(new Error('stopped'))
          return method.apply(target, args)
        }
      }
    })
  }
  return stoppable
}
