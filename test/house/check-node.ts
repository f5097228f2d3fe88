const [major = 0] = process.versions.node.split('.').map(Number)

if (major >= 24) {
  console.log(`node ${process.version} (${process.execPath})`)
} else {
  console.error(
    `The scripts run on Node.js ${process.version}; they need 24. Run them by npm, after \`npm ci\` with optional packages.`,
  )
  process.exitCode = 1
}
