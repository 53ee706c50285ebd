// Claims of any name, in this repository only: the tests are about whatever an app declares.
import type {} from '../../lib/index.js'

declare module '../../lib/index.js' {
  interface Claims {
    [name: string]: unknown
  }
}
