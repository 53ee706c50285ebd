import t from 'tap'
import { eachStore } from '../helpers/stores.js'
import { conformance } from './conformance.js'

await eachStore(t, conformance)
