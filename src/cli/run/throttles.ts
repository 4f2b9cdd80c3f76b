// Reads --device-read-bps and its like, and --blkio-weight-device.

import type { ThrottleDevice, WeightDevice } from '../../api/types/container.ts'
import { invalid } from '../../lib/errors.ts'
import { parseSize } from '../values.ts'

/** `/dev/name:rate`, in bytes with an optional unit or in operations per second. */
export function parseThrottle(text: string): ThrottleDevice {
  const [path, rate] = split(text)
  try {
    return { Path: path, Rate: parseSize(rate) }
  } catch (cause) {
    const form =
      '<device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb'
    throw invalid(`invalid rate for device: ${text}. The correct format is ${form}`, { cause })
  }
}

/** `/dev/name:weight`, 0 or from 10 to 1000. */
export function parseWeight(text: string): WeightDevice {
  const [path, weight] = split(text)
  const number = Number(weight)
  if (!/^\d+$/.test(weight) || (number > 0 && (number < 10 || number > 1000))) {
    throw invalid(`invalid weight for device: ${text}`)
  }
  return { Path: path, Weight: number }
}

function split(text: string): [string, string] {
  const [path = '', value = '', ...more] = text.split(':')
  if (value === '' || more.length > 0) throw invalid(`bad format: ${text}`)
  if (!path.startsWith('/dev/')) throw invalid(`bad format for device path: ${text}`)
  return [path, value]
}
