// The page gets uPlot's module from the admin listener under this name.
export { default } from 'uplot'
