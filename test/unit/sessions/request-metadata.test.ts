import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { defaultMetadata } from '../../../lib/sessions/request-metadata.js'

const request = (headers: object, ip: string | undefined) => ({ headers, ip }) as FastifyRequest

t.test('the default metadata is the user agent and the IP address, both truncated', async (t) => {
  const long = request({ 'user-agent': 'x'.repeat(1000) }, '1'.repeat(100))
  t.same(defaultMetadata(long), { user_agent: 'x'.repeat(200), ip: '1'.repeat(64) })
})

t.test('the default metadata is the IP address if there is no user agent', async (t) => {
  for (const headers of [{}, { 'user-agent': '' }]) {
    t.same(defaultMetadata(request(headers, '::1')), { ip: '::1' })
  }
})

t.test('the default metadata has no IP address if the connection has none', async (t) => {
  t.strictSame(defaultMetadata(request({ 'user-agent': 'curl' }, undefined)), { user_agent: 'curl' })
  t.strictSame(defaultMetadata(request({}, undefined)), {})
})
