// Allows claims with any name in the tests of this repository.
import type {} from '../../lib/index.js'

declare module '../../lib/index.js' {
  interface Claims {
    [name: string]: unknown
  }
}
