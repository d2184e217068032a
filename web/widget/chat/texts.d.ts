declare module "texts:pl" {
  const texts: Record<string, string>;
  export default texts;
}
declare module "texts:en" {
  const texts: Record<string, string>;
  export default texts;
}
declare module "*.css";
