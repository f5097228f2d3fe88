export { parseDuration } from '@stowage/controller/api/duration'
