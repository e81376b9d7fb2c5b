# SPDX-License-Identifier: MIT
# A pattern explains a suspect: its words, the suspect's numbers and id; users' rules beside it; errors of their files.
cat >x.heap <<'HEAP'
use jdk17
class java.lang.OutOfMemoryError
class javax.imageio.ImageIO
class java.util.Spare
class java.awt.image.DataBuffer fields int dataType
class java.awt.image.DataBufferByte super java.awt.image.DataBuffer fields ref data
class java.awt.image.Raster fields ref dataBuffer, int width, int height
class java.awt.image.BufferedImage fields ref raster
class com.acme.Images fields ref last
bytes @pixels 24000000
object @data java.awt.image.DataBufferByte data=@pixels
object @raster java.awt.image.Raster dataBuffer=@data width=4000 height=2000
object @image java.awt.image.BufferedImage raster=@raster
object @images com.acme.Images last=@image
root jni-global @images
thread @t "upload"
frame java.lang.OutOfMemoryError.<init>
frame java.awt.image.DataBufferByte.<init> DataBufferByte.java 92
frame javax.imageio.ImageIO.read ImageIO.java 1
frame java.util.Spare.one
frame java.util.Spare.two
frame com.acme.Images.read Images.java 12
local @image frame 5
HEAP
$DUMPGEN x.heap x.hprof
$HPROF_ANALYZE x.hprof | sed -n '1,/^Biggest objects/p'
$HPROF_ANALYZE suspects -f json x.hprof >a.json
$HPROF_ANALYZE suspects -f json --no-index x.hprof >b.json
cmp a.json b.json && echo "the same from the index"
json a.json suspects.0.kind
json a.json suspects.0.pattern
json a.json suspects.0.held_by.field
json a.json suspects.0.evidence.1.value
cat >mine.yaml <<'RULES'
rules:
  - id: acme-images
    about: images of acme
    class: com.acme.Images
    seen: count >= 1
    title: "{count} folder of images"
    advice: look at it
RULES
$HPROF_ANALYZE suspects -f json --rules mine.yaml x.hprof >c.json
json c.json patterns.1.title
mkdir folder && cp mine.yaml folder/ && $HPROF_ANALYZE rules --rules folder | tail -1
echo "rules: [{id: x, colour: red}]" >wrong.yaml
$HPROF_ANALYZE rules --rules wrong.yaml
echo $?
$HPROF_ANALYZE rules --rules nowhere.yaml
echo $?
