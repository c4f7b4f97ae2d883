"""Opens model folders as any program would and has each write one token about a page: python open_models.py FOLDER…"""

import sys

from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

for folder in sys.argv[1:]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    images = AutoImageProcessor.from_pretrained(folder, backend="pil")
    model, report = AutoModelForImageTextToText.from_pretrained(folder, output_loading_info=True)
    content = [{"type": "image"}, {"type": "text", "text": "What does the page show?"}]
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    page = images(images=[Image.new("RGB", (112, 112), "white")], return_tensors="pt")
    image_tokens = int(page["image_grid_thw"].prod()) // images.merge_size**2
    text = text.replace("<|image_pad|>", "<|image_pad|>" * image_tokens)
    prompt = tokenizer(text, return_tensors="pt")
    kinds = (prompt["input_ids"] == model.config.image_token_id).int()
    written = model.generate(**prompt, **page, mm_token_type_ids=kinds, max_new_tokens=1, do_sample=False)
    new = written.shape[1] - prompt["input_ids"].shape[1]
    keys = sum(len(names) for names in report.values())
    print(f"{new} token, {image_tokens} of the image, {keys} keys missing or too many", flush=True)
