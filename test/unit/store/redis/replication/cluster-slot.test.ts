import t from 'tap'
import { slotOf } from '../../../../../lib/store/redis/replication/cluster-slot.js'

t.test('the slot is the CRC16 of the hash tag', async (t) => {
  // The test vector of the Redis Cluster specification: CRC16 of "123456789" is 0x31C3.
  t.equal(slotOf('frt:{123456789}:s'), 0x31c3 % 16_384)
  t.equal(slotOf('app:frt:{123456789}:w'), 0x31c3 % 16_384)
  t.equal(slotOf('{feed}'), slotOf('frt:{feed}:revoked'))
})

t.test('the first tag counts', async (t) => {
  t.equal(slotOf('{app}:frt:{123456789}:s'), slotOf('{app}'))
})
