import type { Presented, Rotation } from '../lib/store/rotation-rule.js'

/**
 * The condition of a rule that was tried and is not part of the plugin.
 *
 * A browser that is killed loses its last cookies, because it writes them to the disk with a delay. After the restart it
 * presents the parent token. The rule replays the parent token, in exactly the copy that was rotated, if the generation is
 * confirmed and the client has been silent since then.
 *
 * @param silenceUs time since the confirmation and since the last copy. All access tokens have expired by then
 */
export function isSilentParent(
  { gen, createdUs, issuedUs, current }: Rotation,
  presented: Pick<Presented, 'gen' | 'issuedUs'>,
  nowUs: number,
  silenceUs: number
): boolean {
  const { rotatedFromUs, confirmedAtUs } = current
  if (presented.gen !== gen - 1 || presented.issuedUs !== rotatedFromUs || confirmedAtUs === null)
    return false
  return nowUs - Math.max(confirmedAtUs, createdUs + issuedUs) >= silenceUs
}
