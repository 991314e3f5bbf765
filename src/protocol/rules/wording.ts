/** Values as findings say them: no finer than people read, so that a view does not change with every jitter. */

export function round(value: number): number {
  return Math.round(value * 10) / 10
}

export function duration(ms: number): string {
  if (ms < 60_000) return `${Math.floor(ms / 1_000)} s`
  const minutes = Math.floor(ms / 60_000)
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}

/** 'Mon 07:05'. */
export function clockTime(minuteOfWeek: number): string {
  const day = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][Math.floor(minuteOfWeek / 1440)]
  const minute = Math.floor(minuteOfWeek % 1440)
  return `${day} ${twoDigits(Math.floor(minute / 60))}:${twoDigits(minute % 60)}`
}

function twoDigits(value: number): string {
  return `${value}`.padStart(2, '0')
}
