const SLOTS = 16_384

/** Returns the Cluster slot of a key: CRC16 of its hash tag, as the Redis Cluster specification defines it. */
export function slotOf(key: string): number {
  const start = key.indexOf('{') + 1
  const tag = key.slice(start, key.indexOf('}', start))
  let crc = 0
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff
  }
  return crc % SLOTS
}
