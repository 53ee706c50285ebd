import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { defaultMetadata } from '../../../lib/sessions/request-metadata.js'

const request = (headers: object, ip: string) => ({ headers, ip }) as FastifyRequest

t.test('the user agent and the address, cut to length', async (t) => {
  const long = request({ 'user-agent': 'x'.repeat(1000) }, '1'.repeat(100))
  t.same(defaultMetadata(long), { user_agent: 'x'.repeat(200), ip: '1'.repeat(64) })
})

t.test('the address alone of a client that does not name itself', async (t) => {
  for (const headers of [{}, { 'user-agent': '' }]) {
    t.same(defaultMetadata(request(headers, '::1')), { ip: '::1' })
  }
})
